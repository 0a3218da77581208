"""Storage in a bucket (S3): its objects, what its errors mean, and copies of them on this machine."""
