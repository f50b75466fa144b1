/* The card that people send to friends. A distributor's carries their referral link. */
(function () {
  'use strict';

  var data = document.body.dataset;
  if (!window.wx || !data.shareLink) { return; }

  window.Mall.call('/js-config?url=' + encodeURIComponent(location.href.split('#')[0])).then(function (signed) {
    window.wx.config(Object.assign({
      debug: false, jsApiList: ['updateAppMessageShareData', 'updateTimelineShareData'],
      openTagList: ['wx-open-subscribe']
    }, signed));
    window.wx.ready(function () {
      var picture = data.sharePicture ? new URL(data.sharePicture, location.origin).href : '';
      window.wx.updateAppMessageShareData({
        title: data.shareTitle, desc: data.shareText, link: data.shareLink, imgUrl: picture
      });
      window.wx.updateTimelineShareData({
        title: data.shareTitle, link: data.shareLink, imgUrl: picture
      });
    });
    // Sharing is extra: a page whose card can't be set is still a good page.
  }).catch(function () {});
}());
