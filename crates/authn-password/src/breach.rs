//! Asking whether a password was in a breach, without saying which: the first five digits of its hash go out, and all hashes that
//! begin with them come back (the "range" protocol of Have I Been Pwned, k-anonymity).

use async_trait::async_trait;

/// Who knows what was in breaches.
#[async_trait]
pub trait Breaches: Send + Sync {
    /// What is known about SHA-1 hashes that begin with `prefix` (five hexadecimal digits): lines of `REST:COUNT`. `None` when
    /// nobody answers; whoever implements this writes to the log why.
    async fn range(&self, prefix: &str) -> Option<String>;
}

/// Whether a hash with that rest was seen. A count of 0 is padding, which hides how long the answer is.
pub(crate) fn holds(range: &str, rest: &str) -> bool {
    let known = |line: &str| {
        let (hash, count) = line.trim().split_once(':')?;
        Some(hash.eq_ignore_ascii_case(rest) && count.trim().parse::<u64>().is_ok_and(|count| count > 0))
    };
    range.lines().any(|line| known(line) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_by_its_hash_and_its_number() {
        let range = "0018A45C4D1DEF81644B54AB7F969B88D65:10\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:0\n junk \nABC\n";
        assert!(holds(range, "0018A45C4D1DEF81644B54AB7F969B88D65"));
        assert!(holds(&range.to_lowercase(), "0018A45C4D1DEF81644B54AB7F969B88D65"));
        assert!(!holds(range, "00D4F6E8FA6EECAD2A3AA415EEC418D38EC"), "padding");
        assert!(!holds(range, "ABC") && !holds(range, "") && !holds("", ""));
    }
}
