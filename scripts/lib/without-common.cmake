# Read before llama.cpp's own CMakeLists.txt: its helper library (chat parsers, command-line
# arguments) is a third of the compilation, and nothing in Python loads it. llama-cpp-python
# forces the cache variable ON; a normal variable of the same name goes first.
set(LLAMA_BUILD_COMMON OFF)
