//! Randomness of the shell: the operating system's generator through the TLS library.

/// Fills `out` with unguessable bytes.
pub fn fill(out: &mut [u8]) {
    use aws_lc_rs::rand::SecureRandom;
    // The generator fails only when the operating system has no entropy source at all: nothing secure can run then.
    aws_lc_rs::rand::SystemRandom::new().fill(out).expect("the operating system's random generator works");
}

/// 160 random bits as text: names of sessions that must not be guessed.
pub fn token() -> String {
    let mut bytes = [0; 20];
    fill(&mut bytes);
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
