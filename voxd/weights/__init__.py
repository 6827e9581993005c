"""Better models by name: `voxd fetch-models` and scripts/fetch-models. I/O.

The weights that voxd comes with are in `models/manifest.toml` and come as packages; those here are
on Hugging Face's hub and are bigger. `catalogue` is the list, `hub` gets one file of it, `command`
is what people see.

Every file of the list has its sha256, so that it does not matter who served it: what is not the
file of the list is refused and removed. huggingface_hub finds the file and carries it; the part
that has come is kept by us, because the library begins anew when it is started again. This has been
tested against a hub on loopback that speaks the same wire, never against the live one.
"""
