package hl7v2

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sharedMessage reads one of the public PCD-01 examples that lie beside the project.
func sharedMessage(t *testing.T, name string) *Message {
	t.Helper()
	data, err := os.ReadFile("../../../shared/data/hl7v2/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the public sample data is not beside this checkout: ../shared/data/hl7v2/" + name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return mustParse(t, data)
}

func checkPaths(t *testing.T, m *Message, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for path := range want {
		value, err := m.Get(path)
		if err != nil {
			t.Fatal(err)
		}
		got[path] = value
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestSharedPulseOximetry(t *testing.T) {
	m := sharedMessage(t, "pcd01-pulse-oximetry.hl7")
	checkPaths(t, m, map[string]string{
		"MSH-10": "9879790003", "MSH-18": "ASCII", "MSH-21.3": "1.3.6.1.4.1.19376.1.6.1.1.1",
		"PID-3": "HO2009001", "PID-5.2": "Albert", "OBR-7": "20120512031234", "OBR-4.2": "Pulse oximetry panel ",
		"OBX-3.4": "149530", "OBX-4": "1.11.2.3", "OBX-5": "55", "OBX-6": "{beats}/min", "OBX-11": "R", "OBX-14": "20120530112340",
		"OBX-18.3": "0123456789ABCDEF", "OBX-18.4": "EUI-64", "OBX-20.2": "left ear structure", "NTE[2]-3": "This is a comment about pulse",
	})
	if len(m.root.orders) != 1 || len(m.root.orders[0].notes) != 1 || len(m.root.orders[0].observations) != 1 || len(m.root.orders[0].observations[0].notes) != 1 {
		t.Errorf("groups: %s", m.AppendJSON(nil))
	}
	text, hasZone, err := ParseTime("20120530112340", time.UTC)
	if err != nil || text != "2012-05-30T11:23:40Z" || hasZone {
		t.Errorf("OBX-14 = %q, %t, %v", text, hasZone, err)
	}
}

func TestSharedWaveform(t *testing.T) {
	m := sharedMessage(t, "pcd01-waveform.hl7")
	checkPaths(t, m, map[string]string{
		"MSH-10": "9879790004", "PID-3": "010101-2425", "OBR[1]-7": "20150617120000.000", "OBR[2]-8": "20150617120001.000",
		"OBX[2]-3.2": "MDC_ECG_LEAD_I", "OBX[2]-5.1": "-0.53714565", "OBX[2]-5.3": "-0.53128055", "OBX[3]-5": "150.0", "OBX[4]-5.2": "10.0",
		"OBX[9]-4": "1.1.1.1003", "OBX[10]-5": "125.0",
	})
	var sizes []int
	for _, order := range m.root.orders {
		sizes = append(sizes, len(order.observations))
	}
	if diff := cmp.Diff([]int{7, 4}, sizes); diff != "" {
		t.Errorf("observations per order (-want +got):\n%s", diff)
	}
}
