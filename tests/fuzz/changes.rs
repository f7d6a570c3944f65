//! Changes to a text that an input asks for.

/// The text after these changes of four bytes each: where (two bytes), what to do, with which byte.
pub fn changed(text: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for change in changes.as_chunks::<4>().0 {
        let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % (text.len() + 1);
        match change[2] % 5 {
            0 if at < text.len() => text[at] = change[3],
            1 if at < text.len() => text[at] ^= 1 << (change[3] & 7),
            2 if at < text.len() => drop(text.remove(at)),
            3 => text.insert(at, change[3]),
            _ => text.truncate(at),
        }
    }
    text
}
