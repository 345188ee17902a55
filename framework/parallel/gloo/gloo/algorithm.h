// Declared for c10d/ProcessGroupGloo.hpp alone, which names types of gloo and holds them behind pointers; LibTorch's packages
// carry gloo's code, but none of its headers. No object of gloo is ever made here.
#pragma once
