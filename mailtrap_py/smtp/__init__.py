"""The wire: the only sockets that speak mail. Bytes become events here, and actions become bytes."""
