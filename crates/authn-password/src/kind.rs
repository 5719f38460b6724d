//! Of which kind a stored hash is, told by how it begins: for counting. Nothing is computed, and nothing of the hash is said.

/// What argon2id is called.
pub const CURRENT: &str = "argon2id";

/// Every kind that a stored hash can be of, the one that is made here first.
pub const KINDS: [&str; 11] = [
    CURRENT,
    "argon2",
    "bcrypt",
    "scrypt",
    "pbkdf2",
    "sha-crypt",
    "yescrypt",
    "firebase",
    "keycloak",
    "ssha",
    "unknown",
];

/// The kind of a stored hash.
pub fn kind_of(stored: &str) -> &'static str {
    let stored = crate::mark::unmarked(stored);
    if stored.starts_with("{SSHA") {
        return "ssha";
    }
    if stored.starts_with('{') {
        return "keycloak";
    }
    match stored.split('$').find(|part| !part.is_empty()).unwrap_or_default() {
        "argon2id" => CURRENT,
        "argon2i" | "argon2d" => "argon2",
        "2a" | "2b" | "2y" => "bcrypt",
        "scrypt" => "scrypt",
        "5" | "6" => "sha-crypt",
        "y" => "yescrypt",
        crate::firebase::KIND => "firebase",
        kind if kind.starts_with("pbkdf2") => "pbkdf2",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_by_how_it_begins() {
        for (stored, kind) in [
            ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$x", "argon2id"),
            ("$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$x", "argon2"),
            ("$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG", "bcrypt"),
            ("$scrypt$ln=10,r=8,p=1$x$y", "scrypt"),
            ("$pbkdf2-sha256$i=2000,l=32$x$y", "pbkdf2"),
            ("pbkdf2_sha256$2600$seasalt$x", "pbkdf2"),
            ("$6$sixteenbytes....$x", "sha-crypt"),
            ("$y$j9T$x$y", "yescrypt"),
            ("$firebase-scrypt$ln=14,r=8,ss=x,sk=x$y$z", "firebase"),
            (r#"{"type":"password"}"#, "keycloak"),
            ("{SSHA-ARGON2}c2FsdHNhbHQ$argon2id$v=19$m=64", "ssha"),
            ("hunter2", "unknown"),
            ("", "unknown"),
        ] {
            assert_eq!(kind_of(stored), kind, "{stored}");
            assert!(KINDS.contains(&kind));
        }
    }
}
