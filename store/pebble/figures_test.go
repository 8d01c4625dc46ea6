package pebble

import "testing"

func TestFigures(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	figures := s.Figures()
	if len(figures) != 21 || figures["disk_bytes"] <= 0 || figures["resources"] != 0 {
		t.Errorf("%d figures: %v", len(figures), figures)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if figures := s.Figures(); figures != nil {
		t.Errorf("figures of a closed store: %v", figures)
	}
}
