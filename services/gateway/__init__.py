"""The gateway: public REST API, web page, durable jobs; the only service that speaks HTTP to the world."""
