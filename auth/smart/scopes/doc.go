// Package scopes is what an authorization server does with scopes beyond their grammar and algebra, which are package auth's: dropping what it does not know, telling rights from context, and
// saying in words what a person is asked to consent to.
package scopes
