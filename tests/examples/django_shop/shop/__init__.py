"""A shop in which one signs up, and confirms the address by a link in a mail."""
