"""People and programs that may use the gateway: who asks, what they may do, how much, and a record of it."""
