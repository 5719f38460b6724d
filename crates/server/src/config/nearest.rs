//! The nearest known word to a mistyped one, so that an error can name it.

/// The candidate nearest to `word`, if one is near enough to have been meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let enough = (length / 3).max(2);
    candidates
        .into_iter()
        // The lengths alone are too far apart: a "word" of thousands of letters is not compared with every name.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= enough)
        .map(|candidate| (distance(word, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= enough)
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance: how many letters must be put in, taken out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let here = (diagonal + usize::from(x != *y)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        for (a, b, expected) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("lisen", "listen", 1)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_is_named_only_when_it_is_near() {
        let known = ["listen", "public_url", "data_dir"];
        assert_eq!(nearest("public_ulr", known), Some("public_url"));
        assert_eq!(nearest("lisen", known), Some("listen"));
        assert_eq!(nearest("zebra", known), None);
    }
}
