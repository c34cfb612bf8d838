"""What people see: templates become Block Kit here, and nowhere else."""
