// Package drivertest has what the tests of the drivers share, beside the suite in sender/sendertest: a packet's way from
// [Publish] to [Expect], tables of wrong configurations, certificates, and faults.
//
// A driver's tests give the short words names of their own:
//
//	var publish, expect = drivertest.Publish, drivertest.Expect
//
//	func open(t testing.TB, c redis.Config, node string) *redis.Broker {
//		t.Helper()
//		b, err := redis.Open(c, node)
//		return drivertest.Opened(t, b, err)
//	}
//
// Faults happen to a [Site], a broker and two nodes on it, of which one can be cut off:
//
//	drivertest.AtOnce(t, site, drivertest.Cut, drivertest.HalfOpen, drivertest.Latency.OfBoth())
package drivertest
