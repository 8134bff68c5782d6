"""Stand-ins for the two MPI libraries that CNTK 2.7 links, enough for one process:  python mpi_stubs.py FOLDER

Every function answers "error" and MPI_Initialized answers "no", so that CNTK goes on without MPI. Needs gcc and nm.
Run by the interpreter that has CNTK. Then LD_LIBRARY_PATH=FOLDER.
"""

import glob
import os
import subprocess
import sys
import sysconfig

folder = sys.argv[1]
libraries = glob.glob(os.path.join(sysconfig.get_path("purelib"), "cntk", "libs", "libCntk*.so"))
if not libraries:
    sys.exit("there is no CNTK in this interpreter's environment")
listed = subprocess.check_output(["nm", "-D", "--undefined-only"] + libraries, universal_newlines=True)
wanted = {line.split()[-1].split("@")[0] for line in listed.splitlines() if " U " in line}
wanted = sorted(n for n in wanted if n.startswith(("MPI_", "ompi_", "opal_")) or (n.startswith("_ZN") and "3MPI" in n))

# The C library has functions MPI_*, and data ompi_mpi_*: MPI's communicators and types, only ever pointed at. The C++
# library has the mangled names, and two functions that look like data.
of_cxx = [n for n in wanted if n.startswith("_ZN") or n in ("ompi_mpi_cxx_op_intercept", "ompi_op_set_cxx_callback")]
data = [n for n in wanted if n.startswith("ompi_mpi_") and n not in of_cxx]
functions = [n for n in wanted if n not in of_cxx and n not in data and n != "MPI_Initialized"]
failing = "int {}(void) {{ return 1; }}".format
sources = {
    "libmpi.so.12": ["char {}[1024];".format(n) for n in data]
    + [failing(n) for n in functions]
    + ["int MPI_Initialized(int *yes) { *yes = 0; return 0; }"],
    "libmpi_cxx.so.1": [failing(n) for n in of_cxx],
}
if not os.path.isdir(folder):
    os.makedirs(folder)
for library, lines in sources.items():
    path = os.path.join(folder, library)
    with open(path + ".c", "w") as file:
        file.write("\n".join(lines) + "\n")
    subprocess.check_call(["gcc", "-shared", "-fPIC", "-w", "-Wl,-soname," + library, path + ".c", "-o", path])
