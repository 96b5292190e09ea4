//! Tests of the whole: platform, client and console together.
