//! Leases: one holder at a time, and none who comes back late.

use super::Harness;
use super::world::sure;
use lenticular_base::Instant;

const MINUTE: i64 = 60_000;

/// Taking, renewing, ending, taking over; fences only grow.
pub fn one_holder(harness: &mut dyn Harness) {
    let leases = harness.store().leases;
    let now = harness.clock().now();
    let first = sure(leases.take("packer", "a", MINUTE)).expect("a free lease is given");
    assert_eq!(sure(leases.take("packer", "b", MINUTE)), None, "two hold it");
    assert!(sure(leases.take("notifier", "b", MINUTE)).is_some(), "names are apart");
    let renewed = sure(leases.take("packer", "a", 2 * MINUTE)).expect("a holder renews");
    assert_eq!(renewed.fence, first.fence);
    assert!(renewed.expires > first.expires);
    harness.clock().set(Instant(now.0 + 3 * MINUTE));
    let taken = sure(leases.take("packer", "b", MINUTE)).expect("an ended lease is given");
    assert!(taken.fence > renewed.fence);
    // who lost it cannot end it for the other
    sure(leases.give_back(&renewed));
    assert_eq!(sure(leases.take("packer", "a", MINUTE)), None, "a late holder took it back");
    sure(leases.give_back(&taken));
    let again = sure(leases.take("packer", "a", MINUTE)).expect("a lease given back is free");
    assert!(again.fence > taken.fence);
    harness.reopen();
    let leases = harness.store().leases;
    assert_eq!(sure(leases.take("packer", "b", MINUTE)), None, "a lease is forgotten by reopening");
}

/// Of many who ask at once, one gets it.
pub fn one_of_many(harness: &mut dyn Harness) {
    let store = harness.store();
    let holders: usize = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8)
            .map(|n| {
                let leases = store.leases.clone();
                scope
                    .spawn(move || usize::from(sure(leases.take("jobs", &format!("n{n}"), MINUTE)).is_some()))
            })
            .collect();
        asking.into_iter().map(|thread| thread.join().expect("a thread that asks does not panic")).sum()
    });
    assert_eq!(holders, 1);
}
