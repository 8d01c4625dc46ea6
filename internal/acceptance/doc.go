// Package acceptance holds tests that judge the assembled server from outside, over HTTP, by answers computed in another way than the
// server computes them. It has no code of its own.
package acceptance
