"""What is measured: each module is loaded by a worker process, in the environment of the library that it measures.

Nothing here may import cartaguard but the modules named ``cartaguard_…``; the other environments lack it.
"""
