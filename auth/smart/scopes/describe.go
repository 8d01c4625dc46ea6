package scopes

import (
	"strings"
	"unicode"

	"github.com/firth-health/firth/auth"
)

// Description says what a scope means, for a person who is asked to consent.
type Description struct {
	Title    string // what the app could do
	Sentence string // to what
	Writes   bool   // something may be changed
}

// Describe describes a scope.
func Describe(s auth.Scope) Description {
	switch s.Name {
	case "":
		return describeResource(s)
	case auth.OpenID:
		return Description{Title: "Confirm who you are", Sentence: "The app learns that it is you who signed in, and recognises you next time."}
	case auth.FHIRUser, auth.Profile:
		return Description{Title: "See which record is yours", Sentence: "The app learns which record in this system stands for you."}
	case auth.OfflineAccess:
		return Description{Title: "Stay connected", Sentence: "The app keeps this access while you are away, until you take it back or the app is not used for a long time."}
	case auth.OnlineAccess:
		return Description{Title: "Stay connected while you are signed in", Sentence: "The app keeps this access until you sign out."}
	case auth.Launch:
		return Description{Title: "Open where you are", Sentence: "The app learns which patient and encounter you had open."}
	}
	if context, ok := strings.CutPrefix(s.Name, auth.Launch+"/"); ok {
		return Description{Title: "Know the " + context, Sentence: "The app learns which " + context + " this is about."}
	}
	return Description{Title: "Manage this server", Sentence: "The right " + s.Name + " of this server.", Writes: true}
}

func describeResource(s auth.Scope) Description {
	what := "everything"
	if s.Type != auth.AnyType {
		what = words(s.Type)
	}
	d := Description{Title: verbs(s.Actions) + " " + what, Writes: s.Actions&(auth.Create|auth.Update|auth.Delete) != 0}
	switch s.Level {
	case auth.PatientLevel:
		d.Sentence = "In the record of this patient."
	case auth.UserLevel:
		d.Sentence = "In all records that you may see yourself."
	default:
		d.Sentence = "In all records, on the app's own account."
	}
	for i, p := range s.Query {
		d.Sentence += []string{" Only where ", " and "}[min(i, 1)] + p.Name + " is " + code(p.Value)
	}
	if len(s.Query) > 0 {
		d.Sentence += "."
	}
	return d
}

// code is the part of a token that means something to people.
func code(value string) string {
	if _, c, ok := strings.Cut(value, "|"); ok && c != "" {
		return c
	}
	return value
}

// verbs says in words what the actions are.
func verbs(actions auth.Action) string {
	var list []string
	for _, v := range []struct {
		action auth.Action
		verb   string
	}{{auth.Read, "read"}, {auth.Search, "search"}, {auth.Create, "create"}, {auth.Update, "change"}, {auth.Delete, "delete"}} {
		if actions&v.action != 0 {
			list = append(list, v.verb)
		}
	}
	text := list[len(list)-1]
	if len(list) > 1 {
		text = strings.Join(list[:len(list)-1], ", ") + " and " + text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// words splits a type's name: MedicationRequest is medication request.
func words(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
