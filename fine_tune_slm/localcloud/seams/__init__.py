"""Every patch to moto's private names, one module for each service; nothing outside this package touches them."""
