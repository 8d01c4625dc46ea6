package main

import (
	"os"
	"os/user"
	"strings"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/auth"
)

// userHeader tells a server over its socket who of the machine's users gives a command. Who may open the socket may read the keys as well, so that this is for the record and proves nothing.
const userHeader = "Firth-User"

// commandLine is what the trail calls the client that a command is.
const commandLine = "command line"

// machineUser is who runs this process.
func machineUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "uid " + os.Getenv("UID")
}

// byCommand says of an event that a user of this machine did it by a command.
func byCommand(e *audit.Event, who string) *audit.Event {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	e.Claims = &auth.Claims{Client: commandLine, Subject: who, Issuer: "urn:firth:machine:" + host}
	e.Address, e.Agent, e.Status = "localhost", commandLine, 200
	return e
}

// commandUser is the user of the machine that an actor is.
func commandUser(actor string) (who string, ok bool) {
	return strings.CutPrefix(actor, commandLine+": ")
}
