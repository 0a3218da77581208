"""What engines share that ask a model server over HTTP: streams, refusals, deadlines, retries."""
