package transport

import "testing"

func TestNetwork(t *testing.T) {
	for host, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
		"::1": "::/64", "": "", "@": "@", "localhost": "localhost",
	} {
		if got := Network(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}
