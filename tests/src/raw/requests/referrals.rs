//! The referral of a scene: health handed a matter to tax.

use hub_proto::referrals::{GetReferralRequest, ListReferralsRequest, SendReferralRequest};

use super::{Scene, Target, future_id};
use crate::{
    World, meetings,
    referrals::{self, Act},
};

/// The scene's referral, for people.
pub const OF_HEALTH: &str = "the referral of health to tax";

/// Sends it.
pub(super) async fn set(world: &World) -> String {
    let health = meetings::leader(world, "health");
    let sent = referrals::send(&health, referrals::draft("tax")).await;
    sent.unwrap().referral.unwrap().name
}

impl Scene {
    pub(super) fn of_referrals(&self, targets: &mut Vec<Target>) {
        targets.push(Target::new(
            crate::referrals!("SendReferral"),
            "to another member",
            |agency| SendReferralRequest {
                referral: Some(referrals::draft(if agency == "tax" {
                    "health"
                } else {
                    "tax"
                })),
                request_id: future_id(),
            },
        ));
        for act in Act::ALL {
            let name = self.referral.clone();
            targets.push(Target {
                method: act.method(),
                what: OF_HEALTH.into(),
                build: Box::new(move |_| act.request(&name, "情况说明", future_id())),
            });
        }
        let name = self.referral.clone();
        targets.push(Target::new(
            crate::referrals!("GetReferral"),
            OF_HEALTH,
            move |_| GetReferralRequest {
                name: name.clone(),
                revision: 0,
            },
        ));
        targets.push(Target::new(crate::referrals!("ListReferrals"), "", |_| {
            ListReferralsRequest::default()
        }));
    }
}
