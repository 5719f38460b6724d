//! How a demand is written in a line, as in the settings: `factors >= 2`, `phishing_resistant`, `user_verified`.

use std::{fmt, str::FromStr};

use super::Demand;

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Factors(factors) => write!(f, "factors >= {factors}"),
            Self::PhishingResistant => f.write_str("phishing_resistant"),
            Self::UserVerified => f.write_str("user_verified"),
        }
    }
}

/// This is not how a demand is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a demand is written `factors >= 2`, `phishing_resistant` or `user_verified`")]
pub struct NoDemand;

impl FromStr for Demand {
    type Err = NoDemand;

    fn from_str(text: &str) -> Result<Self, NoDemand> {
        match text.trim() {
            "phishing_resistant" => Ok(Self::PhishingResistant),
            "user_verified" => Ok(Self::UserVerified),
            factors => {
                let number = factors.strip_prefix("factors").and_then(|rest| rest.trim_start().strip_prefix(">="));
                let number = number.and_then(|number| number.trim().parse().ok());
                // There are three classes of factors: more would be a demand that nobody can meet, and none is none.
                number.filter(|number| (1..=3).contains(number)).map(Self::Factors).ok_or(NoDemand)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_is_read_as_it_is_written() {
        for demand in [Demand::Factors(1), Demand::Factors(3), Demand::PhishingResistant, Demand::UserVerified] {
            assert_eq!(demand.to_string().parse(), Ok(demand));
        }
        assert_eq!(" factors>=2 ".parse(), Ok(Demand::Factors(2)));
        for bad in ["", "factors", "factors = 2", "factors >= 0", "factors >= 4", "factors >= two", "phishing"] {
            assert_eq!(bad.parse::<Demand>(), Err(NoDemand), "{bad}");
        }
    }
}
