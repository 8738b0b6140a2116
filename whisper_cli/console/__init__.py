"""What people see on stderr and stdout."""
