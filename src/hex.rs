//! Bytes as text.

const DIGITS: [u8; 16] = *b"0123456789abcdef";

/// Two lower-case hexadecimal digits a byte.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut digits = Vec::with_capacity(2 * bytes.len());
    for byte in bytes {
        let halves = [byte >> 4, byte & 15].map(usize::from);
        digits.extend(halves.map(|half| DIGITS.get(half).copied().unwrap_or_default()));
    }
    String::from_utf8(digits).unwrap_or_default()
}
