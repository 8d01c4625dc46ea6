package smart_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/accounts"
)

func TestAccountRules(t *testing.T) {
	s := newSite(t, nil)
	ctx := t.Context()
	for name, a := range map[string]accounts.Account{
		"no name": {}, "space": {Login: "a b"}, "too long": {Login: string(make([]byte, 200))}, "a Device": {Login: "x", FHIRUser: "Device/1"}, "absolute": {Login: "x", FHIRUser: "https://x.example/Patient/1"},
		"no id": {Login: "x", FHIRUser: "Patient/"}, "patient with a type": {Login: "x", Patients: []string{"Patient/1"}}, "malformed scopes": {Login: "x", Scopes: "patient/x"},
		"a role that only this server gives": {Login: "x", Roles: []auth.Coding{{System: auth.RoleSystem, Code: auth.RoleAdministrator}}},
	} {
		if _, err := s.Accounts().Create(ctx, a); !errors.Is(err, accounts.ErrInvalid) && err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Accounts().Create(ctx, accounts.Account{Login: " DOCTOR "}); !errors.Is(err, accounts.ErrExists) {
		t.Errorf("the same name: %v", err)
	}
	for _, name := range []string{"", "nobody", "a\x00b"} {
		if _, err := s.Accounts().Find(ctx, name); !errors.Is(err, accounts.ErrUnknown) {
			t.Errorf("%q: %v", name, err)
		}
	}
	list, err := s.Accounts().List(ctx)
	if err != nil || len(list) != 4 || list[0].Login != "anna" || !list[0].HasPassword || list[0].HasTOTP {
		t.Errorf("%+v %v", list, err)
	}
	// A server that died between the two records leaves a name that nobody has.
	if _, err := s.store.PutState(ctx, "smart-login", "ghost", []byte(`{"Account":"gone"}`), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accounts().Create(ctx, accounts.Account{Login: "ghost"}); err != nil {
		t.Errorf("a name that nobody has: %v", err)
	}
}

// Of many that take a name at once one has it.
func TestOneNameOneAccount(t *testing.T) {
	s := newSite(t, nil)
	var group sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for range 8 {
		group.Go(func() {
			_, err := s.Accounts().Create(t.Context(), accounts.Account{Login: "new"})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made++
			} else if !errors.Is(err, accounts.ErrExists) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made != 1 {
		t.Errorf("%d have it", made)
	}
	account, err := s.Accounts().Find(t.Context(), "new")
	if err != nil || account.Login != "new" {
		t.Errorf("%+v %v", account, err)
	}
	list, err := s.Accounts().List(t.Context())
	if err != nil || len(list) != 5 {
		t.Errorf("%d accounts, %v", len(list), err)
	}
	// A server that died before an account had its name leaves one that nobody sees.
	if _, err := s.store.PutState(t.Context(), "smart-account", "orphan", []byte(`{"ID":"orphan","Login":"new"}`), 0); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Accounts().List(t.Context()); err != nil || len(list) != 5 {
		t.Errorf("%d accounts, %v", len(list), err)
	}
}

func TestWhoMayWhat(t *testing.T) {
	for name, tt := range map[string]struct {
		account    accounts.Account
		any        bool
		opens      []string
		user, self bool // user/ scopes; fhirUser
		roles      int
	}{
		"practitioner":         {accounts.Account{FHIRUser: "Practitioner/1"}, true, []string{"a", "b"}, true, true, 0},
		"with a list":          {accounts.Account{FHIRUser: "Practitioner/1", Patients: []string{"a"}}, false, []string{"a"}, false, true, 0},
		"patient":              {accounts.Account{FHIRUser: "Patient/a"}, false, []string{"a"}, true, true, 0},
		"patient with a child": {accounts.Account{FHIRUser: "Patient/a", Patients: []string{"b"}}, false, []string{"a", "b"}, false, true, 0},
		"related person":       {accounts.Account{FHIRUser: "RelatedPerson/r", Patients: []string{"b"}}, false, []string{"b"}, false, true, 0},
		"related to nobody":    {accounts.Account{FHIRUser: "RelatedPerson/r"}, false, nil, true, true, 0},
		"no resource":          {accounts.Account{}, false, nil, true, false, 0},
		"administrator":        {accounts.Account{Administrator: true}, true, []string{"a", "b"}, true, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := tt.account
			if a.AnyPatient() != tt.any || len(a.TokenRoles()) != tt.roles {
				t.Errorf("any %v, roles %v", a.AnyPatient(), a.TokenRoles())
			}
			for _, id := range []string{"a", "b"} {
				want := false
				for _, open := range tt.opens {
					want = want || open == id
				}
				if a.MayOpen(id) != want {
					t.Errorf("may open %s: %v", id, !want)
				}
			}
			allowed, err := a.Allowed()
			if err != nil {
				t.Fatal(err)
			}
			scope, err := auth.ParseScope("user/Observation.rs")
			if err != nil {
				t.Fatal(err)
			}
			if allowed.Cover(scope) != tt.user || allowed.Has(auth.FHIRUser) != tt.self || allowed.Has(auth.AccountAdministration) != a.Administrator {
				t.Errorf("allowed %s", allowed)
			}
		})
	}
}
