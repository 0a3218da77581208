"""Text preparation that speech engines share."""
