//! Seeded randomness: the same seed gives the same draws on every machine. Only integer arithmetic, additions and
//! divisions are used, never the platform's mathematics library.

/// One step of splitmix64: a bijection of 64 bits with good avalanche.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Hashes a seed, the name of a stream and a number to 64 bits, so that streams never share draws.
pub(crate) fn derive(seed: u64, stream: &str, number: u64) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in stream.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    mix(mix(mix(seed) ^ hash) ^ number)
}

/// xoshiro256++, seeded by splitmix64.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: [u64; 4],
}

impl Random {
    pub(crate) fn new(seed: u64, stream: &str, number: u64) -> Self {
        let base = derive(seed, stream, number);
        let mut state = [0; 4];
        for (index, word) in (0_u64..).zip(&mut state) {
            *word = mix(base.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        }
        Self { state }
    }

    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in `[0, 1)`.
    #[inline]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `[low, high)`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in `low..=high`; `low` where the range is empty.
    #[inline]
    pub(crate) fn int(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).max(0) as u64 + 1;
        low + ((u128::from(self.next()) * u128::from(span)) >> 64) as i64
    }

    /// True with probability `p`.
    #[inline]
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One of `choices`, which is not empty.
    #[inline]
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let index = self.int(0, choices.len() as i64 - 1) as usize;
        &choices[index.min(choices.len() - 1)]
    }

    /// Nearly normal (the sum of twelve uniforms), which needs no logarithm and so is the same everywhere.
    pub(crate) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let mut sum = -6.0;
        for _ in 0..12 {
            sum += self.unit();
        }
        mean + deviation * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_and_repeat() {
        let mut a = Random::new(1, "people", 0);
        let mut again = Random::new(1, "people", 0);
        let mut other = Random::new(1, "people", 1);
        let first = a.next();
        assert_eq!(first, again.next());
        assert_ne!(first, other.next());
    }

    #[test]
    fn draws_keep_their_range_and_moments() {
        let mut random = Random::new(7, "test", 0);
        let mut seen = [0_u32; 6];
        for _ in 0..6000 {
            seen[random.int(0, 5) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
        let draws: Vec<f64> = (0..20_000).map(|_| random.normal(5.0, 2.0)).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 20_000.0;
        assert!((mean - 5.0).abs() < 0.05 && (variance - 4.0).abs() < 0.15, "{mean} {variance}");
        assert_eq!(random.int(3, 3), 3);
    }
}
