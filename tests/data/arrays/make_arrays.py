# Writes the arrays that tests/host/array_files_test.cpp reads, by NumPy and h5py themselves. Run in this folder:
#   pip install numpy h5py && python make_arrays.py
# Every array is 0, 1, 2, ... in C order, of shape (2, 3), unless its name says otherwise.
import h5py
import numpy as np

count = np.arange(6).reshape(2, 3)
dtypes = ["u1", "i1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8", "<u2", "<u4", "<u8", ">i4", ">f8"]

arrays = {dtype.replace("<", "").replace(">", "big_"): count.astype(dtype) for dtype in dtypes}
arrays["b1"] = count % 2 == 1
arrays["fortran"] = np.asfortranarray(np.arange(24, dtype="f4").reshape(2, 3, 4))
arrays["scalar"] = np.float64(7)
arrays["no_rows"] = np.zeros((0, 3), "f4")
arrays["u8_too_large"] = np.array([2**63], "u8")
arrays["complex"] = count.astype("c8")
arrays["records"] = np.zeros(2, [("x", "f4"), ("y", "i4")])
for name, array in arrays.items():
    np.save(f"{name}.npy", array)
np.save("objects.npy", np.array([1, "a"], dtype=object), allow_pickle=True)
np.save("text.npy", np.array(["a", "bc"]))
for version in (2, 3):
    with open(f"version_{version}.npy", "wb") as file:
        np.lib.format.write_array(file, count.astype("f4"), version=(version, 0))

with h5py.File("arrays.h5", "w") as file:
    for name, array in arrays.items():
        file[name] = array
    file["deep/group/values"] = count.astype("f4")
    file["compressed"] = file.create_dataset("z", data=count.astype("f4"), compression="gzip")
    file["lzf"] = file.create_dataset("y", data=np.zeros(1000, "f4"), compression="lzf")
    file["text"] = "R\u00e9tine"
    file["fixed_text"] = np.bytes_("retina")
    file["texts"] = ["a", "b"]
    file["empty"] = h5py.Empty("f4")
    file["dangling"] = h5py.SoftLink("/nowhere")
