"""The C kernel, and the flat plan that it evaluates.

`lean_automl_kernel.h` holds the ops, with arithmetic, texts, dates and links in headers of their own, and
`lean_automl_kernel_small.h` more forms of them for exported headers; `lean_automl_plan.h` the plan's form and
interpreter, `lean_automl_check.h` the proof that a plan is safe to run. `plan.py` lowers a Program to a plan,
`encode.py` writes its bytes for the interpreter; the C exporter writes the same plan as source. `extension.c` binds all
that to Python.

Rule for every module here: a serving process that loads a model imports no numpy, dataclasses or typing, because
that import takes longer than all the rest.
"""
