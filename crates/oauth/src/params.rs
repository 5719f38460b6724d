//! Parameters: what came in a query or a form body, read strictly.
//!
//! The usual readers are lenient: they replace what is not UTF-8, keep a broken `%zz` as it stands, and let the last of two
//! equal names win. Two readers that disagree about a request are how one is fooled, so here all of that is refused, and
//! everything is bounded before it is looked at.

/// Parameters by name, in their order. Printing them shows the names alone: values may be secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

/// Why parameters cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// More than [`Params::MAX_BYTES`], or a value longer than [`Params::MAX_VALUE`].
    #[error("the parameters are too long")]
    TooLong,
    /// More than [`Params::MAX_COUNT`].
    #[error("there are too many parameters")]
    TooMany,
    /// A `%` that two hexadecimal digits do not follow.
    #[error("a parameter is not percent-encoded")]
    Encoding,
    /// Not UTF-8, or it holds a NUL.
    #[error("a parameter is not text")]
    NotText,
}

impl Params {
    /// The longest query or body that is read.
    pub const MAX_BYTES: usize = 32 * 1024;
    /// The longest value.
    pub const MAX_VALUE: usize = 8 * 1024;
    /// The most parameters.
    pub const MAX_COUNT: usize = 64;

    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// [`ParamsError`] for what is too much, not encoded, or not text.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParamsError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(ParamsError::TooLong);
        }
        let mut pairs = Vec::new();
        for pair in bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == Self::MAX_COUNT {
                return Err(ParamsError::TooMany);
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if value.len() > Self::MAX_VALUE {
                return Err(ParamsError::TooLong);
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// The value of a parameter. One without a value counts as not sent (RFC 6749, section 3.1); of a repeated one this is
    /// the first, but see [`Params::repeated`], which is asked before.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter was sent more than once.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.0.iter().filter(|(n, _)| n == name).count() > 1
    }

    /// A parameter that was sent more than once, which RFC 6749 (section 3.1) forbids for all but `resource` (RFC 8707,
    /// section 2).
    pub fn repeated(&self) -> Option<&str> {
        let names = self.0.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "resource");
        names.into_iter().find(|name| self.is_repeated(name))
    }

    /// The words of a parameter that is a list separated by spaces (RFC 6749, section 3.3).
    pub fn words<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.get(name).unwrap_or_default().split(' ').filter(|word| !word.is_empty())
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Params {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// One name or value: `+` is a space, `%XX` a byte.
pub(crate) fn decode(encoded: &[u8]) -> Result<String, ParamsError> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (hex(rest.next())?, hex(rest.next())?);
                high << 4 | low
            }
            other => *other,
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| ParamsError::NotText)?;
    if text.contains('\0') { Err(ParamsError::NotText) } else { Ok(text) }
}

fn hex(digit: Option<&u8>) -> Result<u8, ParamsError> {
    let digit = digit.and_then(|byte| char::from(*byte).to_digit(16)).ok_or(ParamsError::Encoding)?;
    u8::try_from(digit).map_err(|_| ParamsError::Encoding)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_decoded() {
        let params = Params::parse(b"scope=openid+profile&state=%C3%A4%26b%3D&empty=&flag").unwrap();
        assert_eq!(params.words("scope").collect::<Vec<_>>(), ["openid", "profile"]);
        assert_eq!(params.get("state"), Some("ä&b="));
        assert_eq!((params.get("empty"), params.get("flag"), params.get("absent")), (None, None, None));
    }

    #[test]
    fn what_is_not_text_is_refused() {
        for (bytes, why) in [
            (&b"a=%FF"[..], ParamsError::NotText),
            (b"a=\xFF", ParamsError::NotText),
            (b"a=b%00c", ParamsError::NotText),
            (b"a\0=b", ParamsError::NotText),
            (b"a=%", ParamsError::Encoding),
            (b"a=%4", ParamsError::Encoding),
            (b"a=%zz", ParamsError::Encoding),
        ] {
            assert_eq!(Params::parse(bytes), Err(why), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let long = format!("a={}", "b".repeat(Params::MAX_VALUE + 1));
        assert_eq!(Params::parse(long.as_bytes()), Err(ParamsError::TooLong));
        assert_eq!(Params::parse(&vec![b'a'; Params::MAX_BYTES + 1]), Err(ParamsError::TooLong));
        let many = "a=b&".repeat(Params::MAX_COUNT + 1);
        assert_eq!(Params::parse(many.as_bytes()), Err(ParamsError::TooMany));
    }

    #[test]
    fn a_repeated_name_is_seen_even_without_a_value() {
        let params = Params::parse(b"a=&b=1&a=2&resource=x&resource=y").unwrap();
        assert_eq!(params.repeated(), Some("a"));
        assert_eq!(Params::parse(b"resource=x&resource=y").unwrap().repeated(), None);
    }

    #[test]
    fn values_do_not_print() {
        let params = Params::parse(b"client_secret=hush").unwrap();
        assert_eq!(format!("{params:?}"), r#"{"client_secret"}"#);
    }

    proptest! {
        #[test]
        fn nothing_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(params) = Params::parse(&bytes) {
                prop_assert!(params.iter().all(|(name, value)| !name.contains('\0') && !value.contains('\0')));
            }
        }

        #[test]
        fn what_was_encoded_is_read_back(pairs in prop::collection::vec(("[a-z]{1,8}", "[^\0]{0,20}"), 0..10)) {
            let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            prop_assert_eq!(Params::parse(encoded.as_bytes()).unwrap(), pairs.into_iter().collect::<Params>());
        }
    }
}
