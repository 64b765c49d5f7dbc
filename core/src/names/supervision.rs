//! Names of fund alerts, referrals and information requests.

use std::{fmt, str::FromStr};

use super::{NameError, RequestId, by_id::named_by_id};

named_by_id!(
    /// `alerts/{alert}`.
    AlertName = "alerts",
    "alerts/{alert}"
);
named_by_id!(
    /// `referrals/{referral}`.
    ReferralName = "referrals",
    "referrals/{referral}"
);
named_by_id!(
    /// `informationRequests/{information_request}`.
    InformationRequestName = "informationRequests",
    "informationRequests/{information_request}"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_have_one_form() {
        let id = "0190a5c0-0000-7000-8000-000000000001";
        let name: AlertName = format!("alerts/{id}").parse().unwrap();
        assert_eq!(name.to_string(), format!("alerts/{id}"));
        assert!(
            format!("alerts/{}", id.to_uppercase())
                .parse::<AlertName>()
                .is_err()
        );
        assert!(format!("referrals/{id}").parse::<AlertName>().is_err());
        assert!(format!("referrals/{id}").parse::<ReferralName>().is_ok());
        assert!(
            format!("informationRequests/{id}")
                .parse::<InformationRequestName>()
                .is_ok()
        );
    }
}
