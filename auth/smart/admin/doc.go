// Package admin is the API for administering accounts and clients of the authorization server: JSON over HTTP, for the command line on the same machine and for programs with the right
// firth/accounts.
//
// It owns the form of requests and answers. What is valid, auth/smart/accounts and auth/smart/clients decide; who may ask, the caller of [New] says.
package admin
