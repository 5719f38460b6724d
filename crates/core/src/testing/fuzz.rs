//! Odd input in any number, for every parser that reads what strangers wrote.
//!
//! An input is a valid sample that was bent a few times: bytes changed, cut out, doubled, taken from another sample, or
//! replaced by what parsers stumble over. Pure chance was not taken: it seldom gets past the first character. Neither was a
//! fuzzer that watches the coverage, which needs another compiler. The same number of inputs is the same inputs.
//!
//! `VESTIBULE_FUZZ` says how many: `VESTIBULE_FUZZ=10000000 cargo test --release a_120`.

use std::time::{Duration, Instant};

/// What one input may take.
const MOST: Duration = Duration::from_millis(50);
/// So many inputs in an ordinary run of the tests.
const FEW: u64 = 2_000;
/// An input that grew beyond this is no longer bent so that it grows.
const LONG: usize = 48 * 1024;

/// What parsers stumble over.
const ODD: [&[u8]; 44] = [
    b"",
    b"\0",
    b"%",
    b"%00",
    b"%ff",
    b"%zz",
    b"%25",
    b"+",
    b" ",
    b"\t",
    b"\r\n",
    b"\n",
    b"&",
    b"=",
    b"==",
    b";",
    b",",
    b".",
    b"..",
    b"/",
    b"//",
    b"\\",
    b":",
    b"@",
    b"#",
    b"?",
    b"*",
    b"'",
    b"\"",
    b"\"\"\"",
    b"{",
    b"}",
    b"{{",
    b"}}",
    b"[",
    b"]",
    b"$ctx.",
    b"-1",
    b"1e999",
    b"99999999999999999999",
    b"\xff\xfe",
    b"\xc3\xa4",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
];

/// A number that looks random (SplitMix64). Never for real use.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`, or 0.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        let [byte, ..] = self.next().to_le_bytes();
        byte
    }

    fn pick<'a>(&mut self, of: &'a [&'a [u8]]) -> &'a [u8] {
        let at = self.below(of.len());
        of.get(at).copied().unwrap_or_default()
    }

    /// A part of `bytes`, mostly a short one.
    fn part(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let from = self.below(bytes.len() + 1);
        let longest = if self.below(4) == 0 { bytes.len() } else { 8 };
        let to = (from + self.below(longest + 1)).min(bytes.len());
        from..to
    }

    fn bend(&mut self, input: &mut Vec<u8>, samples: &[&[u8]]) {
        let at = self.below(input.len());
        match self.below(8) {
            0 => input.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << self.below(8)),
            1 => input.get_mut(at).into_iter().for_each(|byte| *byte = self.byte()),
            2 => drop(input.drain(self.part(input))),
            3 => input.truncate(at),
            _ if input.len() > LONG => input.truncate(at),
            4 => {
                let part = self.part(input);
                let times = if self.below(16) == 0 { self.below(600) } else { 1 };
                let doubled = input.get(part.clone()).unwrap_or_default().repeat(times);
                drop(input.splice(part.end..part.end, doubled.into_iter().take(LONG)));
            }
            5 => {
                let other = self.pick(samples);
                let other = other.get(self.part(other)).unwrap_or_default();
                drop(input.splice(at..at, other.iter().copied()));
            }
            _ => {
                let part = at..self.part(input).end.max(at);
                drop(input.splice(part, self.pick(&ODD).iter().copied()));
            }
        }
    }
}

/// Says which input it was when something panics.
struct Shown<'a>(u64, &'a [u8]);

impl Drop for Shown<'_> {
    #[expect(clippy::print_stderr, reason = "a test says what made it fail")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (begin, _) = self.1.split_at(self.1.len().min(2000));
            eprintln!("input {}, {} bytes: {}", self.0, self.1.len(), begin.escape_ascii());
        }
    }
}

/// Lets `read` have odd inputs made of `samples`.
///
/// # Panics
/// When `read` does, or when it takes longer than 50 ms.
pub fn fuzz(samples: &[&str], mut read: impl FnMut(&[u8])) {
    let samples: Vec<&[u8]> = samples.iter().map(|sample| sample.as_bytes()).collect();
    let count = std::env::var("VESTIBULE_FUZZ").ok().and_then(|count| count.parse().ok()).unwrap_or(FEW);
    let mut dice = Dice(count);
    for number in 0..count {
        let mut input = dice.pick(&samples).to_vec();
        for _ in 0..=dice.below(6) {
            dice.bend(&mut input, &samples);
        }
        let shown = Shown(number, &input);
        // The machine may have had something else to do: only what is slow each time is slow.
        let quick = (0..3).any(|_| {
            let began = Instant::now();
            read(&input);
            began.elapsed() < MOST
        });
        assert!(quick, "this input takes longer than {MOST:?}");
        drop(shown);
    }
}

/// The same for what reads text: bytes that are none are replaced.
///
/// # Panics
/// As [`fuzz`].
pub fn fuzz_text(samples: &[&str], mut read: impl FnMut(&str)) {
    fuzz(samples, |input| read(&String::from_utf8_lossy(input)));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn inputs_differ_and_stay_near_their_sample() {
        let mut seen = BTreeSet::new();
        let mut like = 0;
        fuzz(&["scope=openid", "state=1"], |input| {
            assert!(input.len() < 4 * LONG);
            like += usize::from(input.starts_with(b"s"));
            seen.insert(input.to_vec());
        });
        assert!(seen.len() > 1000, "{}", seen.len());
        assert!(like > 500, "{like}");
    }

    #[test]
    #[should_panic(expected = "takes longer")]
    fn what_is_slow_is_told() {
        fuzz(&["x"], |_| std::thread::sleep(MOST));
    }
}
