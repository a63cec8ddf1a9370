//! What `make dist` made, looked at as those do who download it.
fn main() {}
