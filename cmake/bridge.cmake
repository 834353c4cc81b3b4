add_library(keel_bridge INTERFACE)  # replaced when the Rust crate lands
