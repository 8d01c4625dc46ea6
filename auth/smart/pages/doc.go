// Package pages renders what people see of the authorization server: HTML without scripts, with one style sheet, for phones and desktops, keyboards and screen readers.
//
// It owns templates, style and the Content-Security-Policy. What is shown, and what happens when a form is sent, is package smart's.
package pages
