"""How fast cartaguard is, measured beside a bare application and beside other libraries: see README.md."""
