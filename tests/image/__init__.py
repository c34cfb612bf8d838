"""The container image, built and run. Run by `make image-test`."""
