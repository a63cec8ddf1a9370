//! Keeps the static binary from loading libraries of the machine that it runs on. Called first of all; no input, no output.
//!
//! To look up a host or a user, glibc loads the modules that /etc/nsswitch.conf names (`resolve`, `mymachines`, `systemd`, …), from a
//! static binary too. They bring the machine's own glibc with them, and if that is another one than ours, the program crashes
//! (rust-lang/rust issue 100711). What is built into it is enough: /etc/hosts, the name servers of /etc/resolv.conf, /etc/passwd.

#[cfg(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static"))]
#[expect(unsafe_code, reason = "glibc has this function, and the libc crate does not declare it")]
pub(crate) fn disable_dynamic_modules() {
    use std::ffi::{c_char, c_int};

    unsafe extern "C" {
        /// Takes what nsswitch.conf would say of one database (glibc, nss/nss.h).
        fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
    }
    for (database, services) in [(c"hosts", c"files dns"), (c"passwd", c"files")] {
        // SAFETY: both strings end with a zero, the function copies them, and no other thread runs yet. Should it fail, for want of
        // memory, lookups are as nsswitch.conf says.
        unsafe { __nss_configure_lookup(database.as_ptr(), services.as_ptr()) };
    }
}

/// Other binaries share the machine's C library, and so may share its modules.
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static")))]
pub(crate) fn disable_dynamic_modules() {}
