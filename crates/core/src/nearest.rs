//! "Did you mean": the known name that is nearest to one that is not known.

/// A half sentence to append to an error, empty when nothing is near.
pub fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let length = name.chars().count();
    let enough = 1 + length / 3;
    let distance = |known: &str| strsim::damerau_levenshtein(&name.to_lowercase(), known);
    // A name of thousands of letters is not compared: the lengths alone are too far apart.
    let close = known.into_iter().filter(|known| known.chars().count().abs_diff(length) <= enough);
    match close.map(|known| (distance(known), known)).min() {
        Some((distance, known)) if distance <= enough => format!("; did you mean `{known}`?"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn what_is_near_is_named_and_what_is_far_is_not() {
        let known = ["length", "life_seconds", "tries"];
        assert_eq!(hint("lenght", known), "; did you mean `length`?");
        assert_eq!(hint("Life_second", known), "; did you mean `life_seconds`?");
        assert_eq!(hint("mandatory", known), "");
        assert_eq!(hint("x", []), "");
    }
}
