package config

import "testing"

func TestCheckLoopback(t *testing.T) {
	tests := []struct {
		address string
		ok      bool
	}{
		{"127.0.0.1:8080", true},
		{"127.1.2.3:0", true},
		{"[::1]:8080", true},
		{"[::ffff:127.0.0.1]:80", true},
		{"localhost:8080", true},
		{":8080", false},
		{"0.0.0.0:8080", false},
		{"[::]:8080", false},
		{"192.168.1.7:8080", false},
		{"[::ffff:10.0.0.1]:80", false},
		{"example.org:8080", false},
		{"localhost.example.org:8080", false},
		{"LOCALHOST:8080", false},
		{"127.1:8080", false},
		{"8080", false},
	}
	for _, tt := range tests {
		if err := CheckLoopback(t.Context(), tt.address); (err == nil) != tt.ok {
			t.Errorf("CheckLoopback(%q) = %v, want ok %v", tt.address, err, tt.ok)
		}
	}
}
