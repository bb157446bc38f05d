//! The first message of a TLS client, as far as it says whom the client wants to reach.
//!
//! Whatever the bytes are, parsing ends, allocates at most `HELLO_BYTES_MAX` and reads nothing twice.

/// With post-quantum key shares and a session ticket a hello has about 2.5 kB.
pub const HELLO_BYTES_MAX: usize = 16 << 10;
/// One record's payload; longer ones are not TLS.
const RECORD_BYTES_MAX: usize = 16 << 10;

const RECORD_HANDSHAKE: u8 = 22;
const HANDSHAKE_CLIENT_HELLO: u8 = 1;
const EXTENSION_SERVER_NAME: u16 = 0;
const EXTENSION_ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
const NAME_HOST: u8 = 0;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    /// In lower case. None: the client names nobody.
    pub server_name: Option<String>,
    /// The name that counts may be another one, which nobody on the way can read.
    pub encrypted: bool,
}

/// These bytes do not begin a TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotTls;

/// `None`: there is more to come.
pub fn parse(bytes: &[u8]) -> Result<Option<ClientHello>, NotTls> {
    let mut message = Vec::new();
    let mut rest = bytes;
    loop {
        if let Some(body) = whole(&message)? {
            return hello(body).map(Some);
        }
        if rest.first().is_some_and(|kind| *kind != RECORD_HANDSHAKE)
            || rest.get(1).is_some_and(|major| *major != 3)
        {
            return Err(NotTls);
        }
        let Some((head, after)) = rest.split_at_checked(5) else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
        if length == 0 || length > RECORD_BYTES_MAX {
            return Err(NotTls);
        }
        let (payload, next) = after.split_at(length.min(after.len()));
        message.extend_from_slice(payload);
        rest = next;
        if payload.len() < length && whole(&message)?.is_none() {
            return Ok(None);
        }
    }
}

/// The body of the handshake message when all of it is there.
fn whole(message: &[u8]) -> Result<Option<&[u8]>, NotTls> {
    if message.first().is_some_and(|kind| *kind != HANDSHAKE_CLIENT_HELLO) {
        return Err(NotTls);
    }
    let Some((head, body)) = message.split_at_checked(4) else {
        return Ok(None);
    };
    let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
    if length > HELLO_BYTES_MAX {
        return Err(NotTls);
    }
    Ok(body.get(..length))
}

fn hello(body: &[u8]) -> Result<ClientHello, NotTls> {
    let mut reader = Reader(body);
    // Version and random.
    reader.take(34)?;
    let session = reader.u8()?;
    reader.take(session.into())?;
    let ciphers = reader.u16()?;
    reader.take(ciphers.into())?;
    let compressions = reader.u8()?;
    reader.take(compressions.into())?;
    let mut found = ClientHello { server_name: None, encrypted: false };
    if reader.0.is_empty() {
        return Ok(found);
    }
    let length = reader.u16()?;
    let mut extensions = Reader(reader.take(length.into())?);
    if !reader.0.is_empty() {
        return Err(NotTls);
    }
    let mut named = false;
    while !extensions.0.is_empty() {
        let kind = extensions.u16()?;
        let length = extensions.u16()?;
        let value = extensions.take(length.into())?;
        match kind {
            // Two of them: server and door might read different ones.
            EXTENSION_SERVER_NAME if named => return Err(NotTls),
            EXTENSION_SERVER_NAME => {
                named = true;
                found.server_name = Some(server_name(value)?);
            }
            EXTENSION_ENCRYPTED_CLIENT_HELLO => found.encrypted = true,
            _ => {}
        }
    }
    Ok(found)
}

fn server_name(value: &[u8]) -> Result<String, NotTls> {
    let mut reader = Reader(value);
    let length = reader.u16()?;
    if usize::from(length) != reader.0.len() || reader.u8()? != NAME_HOST {
        return Err(NotTls);
    }
    let length = reader.u16()?;
    let name = reader.take(length.into())?;
    // One name and nothing after it.
    if !reader.0.is_empty() || !is_host(name) {
        return Err(NotTls);
    }
    Ok(String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// A name that can go into a request line or a log as it is.
pub fn is_host(name: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= 253 && name.iter().all(fits)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], NotTls> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(NotTls)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, NotTls> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16, NotTls> {
        let two = self.take(2)?;
        Ok(u16::from_be_bytes([two[0], two[1]]))
    }
}

/// A hello as a client would send it, for tests.
pub fn example(server_name: Option<&str>, encrypted: bool) -> Vec<u8> {
    let sized = |bytes: &[u8]| {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        [&length.to_be_bytes()[..], bytes].concat()
    };
    let mut extensions = Vec::new();
    if let Some(name) = server_name {
        let name = [&[NAME_HOST][..], &sized(name.as_bytes())].concat();
        extensions.extend([0, 0]);
        extensions.extend(sized(&sized(&name)));
    }
    if encrypted {
        extensions.extend([0xfe, 0x0d]);
        extensions.extend(sized(&[0; 9]));
    }
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend(sized(&extensions));
    let message = [&[HANDSHAKE_CLIENT_HELLO, 0][..], &sized(&body)].concat();
    [&[RECORD_HANDSHAKE, 3, 1][..], &sized(&message)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_name_however_the_bytes_are_cut() {
        let bytes = example(Some("PyPI.org"), false);
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), Ok(None), "{cut}");
        }
        let expected = ClientHello { server_name: Some("pypi.org".into()), encrypted: false };
        assert_eq!(parse(&bytes), Ok(Some(expected.clone())));
        // The same message in records of seven bytes.
        let mut split = Vec::new();
        for piece in bytes[5..].chunks(7) {
            split.extend([22, 3, 1, 0, u8::try_from(piece.len()).unwrap()]);
            split.extend(piece);
        }
        assert_eq!(parse(&split), Ok(Some(expected)));
    }

    #[test]
    fn tells_what_is_hidden_missing_or_no_tls() {
        assert!(parse(&example(Some("a.example"), true)).unwrap().unwrap().encrypted);
        assert_eq!(parse(&example(None, false)).unwrap().unwrap().server_name, None);
        for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"SSH-2.0-x\r\n", &[22, 2], &[22, 3, 1, 0, 0]] {
            assert_eq!(parse(bytes), Err(NotTls));
        }
        for name in ["a\r\nHost: b", "a b", "", "a\0b"] {
            assert_eq!(parse(&example(Some(name), false)), Err(NotTls), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn any_damage_is_survived(at in 0_usize..120, byte in any::<u8>()) {
            let mut bytes = example(Some("abc.example.com"), true);
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = parse(&bytes);
        }
    }
}
