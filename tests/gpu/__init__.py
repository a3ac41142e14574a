"""What stands in for a GPU in the tests: kernel bodies compiled as C++, and a strict `cupy` over NumPy."""
