package auth_test

import (
	"math/rand/v2"
	"testing"

	"github.com/firth-health/firth/auth"
)

func scopes(t testing.TB, text string) auth.Scopes {
	t.Helper()
	all, err := auth.ParseScopes(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSubsetOf(t *testing.T) {
	for _, test := range []struct {
		asked, granted string
		want           bool
	}{
		{"", "openid", true},
		{"openid", "openid fhirUser", true},
		{"openid", "fhirUser", false},
		{"patient/Observation.rs", "patient/*.rs", true},
		{"patient/Observation.read", "patient/*.rs", true},
		{"patient/Observation.rs", "patient/*.read", true},
		{"patient/Observation.r", "patient/Observation.read", true},
		{"patient/Observation.rs", "patient/Observation.*", true},
		{"patient/Observation.write", "patient/Observation.cud", true},
		{"patient/Observation.cud", "patient/Observation.write", true},
		{"patient/Observation.cruds", "patient/Observation.read patient/Observation.write", true},
		{"patient/Observation.*", "patient/Observation.rs", false},
		{"patient/*.rs", "patient/Observation.rs", false},
		{"patient/Observation.rs", "user/Observation.rs", false},
		{"user/Observation.rs", "system/*.cruds", false},
		{"system/AuditEvent.rs", "system/*.cruds", false},
		{"system/*.rs", "system/AuditEvent.rs", false},
		{"patient/Observation.rs?code=a", "patient/Observation.rs", true},
		{"patient/Observation.rs?code=a", "patient/*.read", true},
		{"patient/Observation.rs", "patient/Observation.rs?code=a", false},
		{"patient/Observation.rs?code=a&status=final", "patient/Observation.rs?status=final", true},
		{"patient/Observation.rs?code=a&status=final", "patient/Observation.rs?status=final&code=a", true},
		{"patient/Observation.rs?code=a", "patient/Observation.rs?code=a,b", false},
		{"patient/Observation.rs?_security=N", "patient/*.rs?_security=N", true},
	} {
		if got := scopes(t, test.asked).SubsetOf(scopes(t, test.granted)); got != test.want {
			t.Errorf("%q within %q: %v", test.asked, test.granted, got)
		}
	}
}

func TestIntersect(t *testing.T) {
	for _, test := range []struct{ asked, allowed, want string }{
		{"openid fhirUser", "fhirUser openid launch", "openid fhirUser"},
		{"openid launch", "openid", "openid"},
		{"patient/*.rs", "patient/*.rs", "patient/*.rs"},
		{"patient/*.read", "patient/*.rs", "patient/*.read"},
		{"patient/*.*", "patient/*.rs", "patient/*.read"},
		{"patient/*.*", "patient/*.crs", "patient/*.crs"},
		{"patient/*.cruds", "patient/Observation.rs patient/Condition.r", "patient/Observation.rs patient/Condition.r"},
		{"patient/Observation.cruds", "patient/*.rs", "patient/Observation.rs"},
		{"patient/Observation.cruds", "patient/*.rs user/*.cruds", "patient/Observation.rs"},
		{"patient/Observation.rs", "patient/Observation.r patient/Observation.s", "patient/Observation.rs"},
		{"patient/Observation.rs", "patient/Observation.rs?code=a patient/Observation.rs?code=b", "patient/Observation.rs?code=a patient/Observation.rs?code=b"},
		{"patient/Observation.rs?code=a", "patient/Observation.rs?status=final", "patient/Observation.rs?code=a&status=final"},
		{"patient/Observation.read", "patient/Observation.r?code=a", "patient/Observation.r?code=a"},
		{"system/*.rs", "system/AuditEvent.rs system/Patient.r", "system/Patient.r"},
		{"system/AuditEvent.rs", "system/*.rs", ""},
		{"system/AuditEvent.cruds", "system/AuditEvent.rs", "system/AuditEvent.rs"},
		{"patient/*.rs patient/Observation.cruds", "patient/Observation.rs", "patient/Observation.rs"},
		{"patient/Observation.r patient/Observation.rs", "patient/*.rs", "patient/Observation.rs"},
		{"user/Patient.d", "user/Patient.cru", ""},
	} {
		if got := scopes(t, test.asked).Intersect(scopes(t, test.allowed)).String(); got != test.want {
			t.Errorf("%q and %q: %q, want %q", test.asked, test.allowed, got, test.want)
		}
	}
}

// TestIntersectProperty holds intersections of random scopes against coverage of single-action, fully constrained scopes.
func TestIntersectProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	list := func() auth.Scopes {
		text := pick("", "openid ", "launch ")
		for range random.IntN(4) {
			text += pick("patient", "user") + "/" + pick("*", "Observation", "AuditEvent") + "." + pick("rs", "cruds", "r", "read", "*", "cud")
			if last := text[len(text)-1]; last != '*' && text[len(text)-4:] != "read" {
				text += pick("", "", "?code=a", "?status=b", "?code=a&status=b")
			}
			text += " "
		}
		return scopes(t, text)
	}
	var atoms []auth.Scope
	for _, level := range []string{"patient", "user"} {
		for _, typ := range []string{"Observation", "AuditEvent", "Patient"} {
			for _, action := range "cruds" {
				for _, query := range []string{"", "?code=a", "?status=b", "?code=a&status=b"} {
					atoms = append(atoms, scopes(t, level+"/"+typ+"."+string(action)+query)...)
				}
			}
		}
	}
	for range 3000 {
		a, b := list(), list()
		both := a.Intersect(b)
		if !both.SubsetOf(a) || !both.SubsetOf(b) {
			t.Fatalf("%q and %q: %q", a, b, both)
		}
		for _, atom := range atoms {
			if want := a.Cover(atom) && b.Cover(atom); both.Cover(atom) != want {
				t.Fatalf("%q and %q: %q covers %s: %v", a, b, both, atom, !want)
			}
		}
	}
}
