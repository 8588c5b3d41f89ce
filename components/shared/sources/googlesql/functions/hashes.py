"""Hashes and encodings."""

from components.shared.sources.googlesql.functions.signatures import UNKNOWN, add

for _name in ("MD5", "SHA1", "SHA256"):
    add(_name, "STRING -> BYTES", f"unhex({_name.lower()}({{0}}))", total=True)
    add(_name, "BYTES -> BYTES", f"unhex({_name.lower()}({{0}}))", total=True)
add("SHA512", "STRING -> BYTES", "gsql_sha512(encode({0}))", total=True)
add("SHA512", "BYTES -> BYTES", "gsql_sha512({0})", total=True)
add("FARM_FINGERPRINT", "STRING -> INT64", "gsql_farm_fingerprint(encode({0}))", total=True)
add("FARM_FINGERPRINT", "BYTES -> INT64", "gsql_farm_fingerprint({0})", total=True)
add("TO_HEX", "BYTES -> STRING", "lower(hex({0}))", total=True)
add("FROM_HEX", "STRING -> BYTES", "gsql_from_hex({0})")
add("TO_BASE64", "BYTES -> STRING", "to_base64({0})", total=True)
add("FROM_BASE64", "STRING -> BYTES", "gsql_from_base64({0})")
add("SAFE_CONVERT_BYTES_TO_STRING", "BYTES -> STRING", "gsql_converted_bytes({0})", total=True)
UNKNOWN["TO_BASE32"] = "Write TO_HEX or TO_BASE64."
UNKNOWN["FROM_BASE32"] = "Write FROM_HEX or FROM_BASE64."
