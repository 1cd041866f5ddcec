<?php
// What PHP has in $_GET and $_POST, in the format of reading.go. The path is found as Symfony and Laravel do.
function text($value) {
    $text = is_string($value) ? $value : "\0" . serialize($value);
    return pack('N', strlen($text)) . $text;
}

$target = $_SERVER['REQUEST_URI'];
$cut = strpos($target, '?');
$path = rawurldecode($cut === false ? $target : substr($target, 0, $cut));
$endpoints = [$_SERVER['AUTHORIZE'] => 'authorize', $_SERVER['TOKEN'] => 'token'];
$pairs = '';
foreach ([$_GET, $_POST] as $parameters) {
    foreach ($parameters as $name => $value) {
        $pairs .= text((string) $name) . text($value);
    }
}
echo text($endpoints[$path] ?? ''), pack('N', count($_GET) + count($_POST)), $pairs;
