package teststore

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// Members are those of a real replica set of several, of which one after the other may become the primary. They are told to by commands, so that the set may be on other machines.
type Members struct {
	set *driver.Client
}

// electionWithin bounds the wait for a primary; an election takes seconds.
const electionWithin = 2 * time.Minute

// frozen is for how long members that are told so do not become the primary, unless [Members.Thaw] comes first.
const frozen = 120

// NewMembers connects to the replica set that the tests run on. It skips the test where there is no other member to become the primary, or where it may not be asked for.
func NewMembers(t testing.TB) *Members {
	t.Helper()
	if !MongoDB() || !Real() {
		t.Skip(ServerVariable + " names no MongoDB replica set")
	}
	set, err := driver.Connect(options.Client().ApplyURI(os.Getenv(ServerVariable)))
	if err != nil {
		t.Fatal(err)
	}
	m := &Members{set: set}
	t.Cleanup(func() {
		m.Thaw(t)
		if err := set.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if _, _, others := m.hello(t); len(others) < 2 {
		t.Skip("an election takes a replica set of at least three members")
	}
	var denied driver.CommandError
	if err := m.run(m.set, bson.D{{Key: "replSetGetStatus", Value: 1}}); errors.As(err, &denied) && denied.Code == 13 {
		t.Skip("the user of "+ServerVariable+" may not manage the replica set: ", err)
	}
	return m
}

func (m *Members) run(client *driver.Client, command bson.D) error {
	ctx, cancel := context.WithTimeout(context.Background(), electionWithin)
	defer cancel()
	return client.Database("admin").RunCommand(ctx, command, options.RunCmd().SetReadPreference(readpref.PrimaryPreferred())).Err()
}

// hello asks the primary who it is, by which election, and who the others are.
func (m *Members) hello(t testing.TB) (primary string, election bson.ObjectID, others []string) {
	t.Helper()
	var answer struct {
		Me         string        `bson:"me"`
		Hosts      []string      `bson:"hosts"`
		ElectionID bson.ObjectID `bson:"electionId"`
	}
	ctx, cancel := context.WithTimeout(context.Background(), electionWithin)
	defer cancel()
	if err := m.set.Database("admin").RunCommand(ctx, bson.D{{Key: "isMaster", Value: 1}}).Decode(&answer); err != nil {
		t.Fatal("no primary: ", err)
	}
	return answer.Me, answer.ElectionID, slices.DeleteFunc(answer.Hosts, func(host string) bool { return host == answer.Me })
}

// tell sends a command to one member.
func (m *Members) tell(t testing.TB, host string, command bson.D) error {
	t.Helper()
	one, err := driver.Connect(options.Client().ApplyURI(os.Getenv(ServerVariable)).SetReplicaSet("").SetHosts([]string{host}).SetDirect(true))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = one.Disconnect(context.Background()) }()
	return m.run(one, command)
}

// StepDown ends the time of the primary, and returns when there is the next, which may be the same member.
func (m *Members) StepDown(t testing.TB) {
	t.Helper()
	before, election, _ := m.hello(t)
	m.stepDown(t, before, 10, false)
	for began := time.Now(); time.Since(began) < electionWithin; time.Sleep(50 * time.Millisecond) {
		if now, next, _ := m.hello(t); next != election {
			t.Logf("the primary was %s and is %s, after %s", before, now, time.Since(began).Round(time.Millisecond))
			return
		}
	}
	t.Fatalf("%s does not step down", before)
}

// stepDown repeats the command while the others are too far behind.
func (m *Members) stepDown(t testing.TB, primary string, seconds int, force bool) {
	t.Helper()
	command := bson.D{{Key: "replSetStepDown", Value: seconds}, {Key: "secondaryCatchUpPeriodSecs", Value: min(10, seconds/2)}, {Key: "force", Value: force}}
	var err error
	for began := time.Now(); time.Since(began) < electionWithin; time.Sleep(50 * time.Millisecond) {
		if err = m.tell(t, primary, command); err == nil {
			return
		}
	}
	t.Fatal("step down: ", err)
}

// Freeze leaves the replica set without a primary until Thaw.
func (m *Members) Freeze(t testing.TB) {
	t.Helper()
	primary, _, others := m.hello(t)
	for _, host := range others {
		if err := m.tell(t, host, bson.D{{Key: "replSetFreeze", Value: frozen}}); err != nil {
			t.Fatal(err)
		}
	}
	m.stepDown(t, primary, frozen, true)
}

// Thaw ends Freeze.
func (m *Members) Thaw(t testing.TB) {
	t.Helper()
	var status struct{ Members []struct{ Name string } }
	ctx, cancel := context.WithTimeout(context.Background(), electionWithin)
	defer cancel()
	o := options.RunCmd().SetReadPreference(readpref.PrimaryPreferred())
	if err := m.set.Database("admin").RunCommand(ctx, bson.D{{Key: "replSetGetStatus", Value: 1}}, o).Decode(&status); err != nil {
		return // not allowed, or no replica set: nothing was frozen
	}
	for _, member := range status.Members {
		_ = m.tell(t, member.Name, bson.D{{Key: "replSetFreeze", Value: 0}}) // refused by who is the primary
	}
}
